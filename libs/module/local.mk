# libs/module
