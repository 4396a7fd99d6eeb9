"""The versions. One that was released is never changed; a new one is added to `schema.VERSIONS` too."""
