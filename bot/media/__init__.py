"""Looking at pictures and videos from outside. Only the child process of ``worker`` ever decodes one."""
