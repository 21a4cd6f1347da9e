"""What `livn doctor` looks at; each function returns plain data."""
