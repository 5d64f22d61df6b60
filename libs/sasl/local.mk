# libs/sasl
