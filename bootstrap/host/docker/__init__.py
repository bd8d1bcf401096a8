"""What a Docker engine has, through its socket."""
