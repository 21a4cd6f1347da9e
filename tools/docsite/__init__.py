"""What `tools/build_docs.py` is made of: pages that run, pictures that they draw, and the site made of both."""
