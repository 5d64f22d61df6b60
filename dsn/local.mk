# dsn
