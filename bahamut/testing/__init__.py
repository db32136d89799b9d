"""What those who extend Bahamut test with."""
