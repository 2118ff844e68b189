"""Arguments, printing, exit statuses. Holds no rule of its own."""
