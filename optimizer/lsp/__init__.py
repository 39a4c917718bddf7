"""The language server: findings while a Dockerfile is edited, with what mends them."""
