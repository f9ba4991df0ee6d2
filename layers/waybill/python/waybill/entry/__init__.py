"""Where requests and workflow steps enter: parsing, wiring, answers. The only place that knows Powertools."""
