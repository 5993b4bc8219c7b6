"""Pages of the registry: the registrant's, the authority's, and those of disputes."""
