"""What people see: server-rendered pages, improved by scripts. See README.md beside this file."""
