# libs/table
