"""The documentation site: the pages of docs/ and what they link to, and the REST API. `script/docs` makes it."""
