"""The scheduling service: from the equipment mailbox to the room and the answer (design/scheduling.md)."""
