"""The pages of Insights, one module a topic."""
