"""In the place of a package that takes two seconds of every process in which a notebook is read.

jsonschema imports it at once, compiles a grammar with it, and asks it for one format, internationalised addresses,
which nothing here has. Without it jsonschema leaves that format out.
"""

raise ImportError("left out in tests, to spare their processes two seconds each")
