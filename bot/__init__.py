"""The conversation: from a message that arrived to the replies that go out."""
