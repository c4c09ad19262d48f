"""The history of the database schema: one folder of SQL files per kind of database, and what runs them."""
