"""lake: objects by name, in Azure, a folder or memory."""
