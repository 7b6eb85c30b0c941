"""HTTP: the webhook, the pages and what serves a local run."""
