"""The start page."""

START = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backstory</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
code { background: #8882; padding: .1em .3em; border-radius: .2em; }
</style>
</head>
<body>
<h1>Backstory</h1>
<p>The whole story of every customer: one log of immutable events, and tables folded from it.</p>
<p>Ask them with <code>backstory sql "SELECT * FROM read.customers LIMIT 10"</code>.</p>
<ul>
<li><a href="/health/ready">Is everything well?</a></li>
<li><a href="/metrics">Metrics</a></li>
<li><a href="/docs">HTTP API</a></li>
</ul>
</body>
</html>
"""
