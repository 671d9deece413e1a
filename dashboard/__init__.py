"""The web: pages for staff and customers, the JSON API, sign-in."""
