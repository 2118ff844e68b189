"""One YAML file says, site by site, what the web may do; every engine obeys it alike."""

__version__ = "0.1.0"
