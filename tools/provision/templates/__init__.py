"""Templates to begin a project with: declarative data in `library/`, and the code that asks, fills in and plans."""
