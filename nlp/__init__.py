"""Language: what a trader's message means; knows no account, order or database."""
