"""The sandbox desk: a seeded world of clients, people and tickets, served as a YouTrack stand-in."""
