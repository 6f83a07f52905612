import greenroom

number: int = greenroom.__version__  # error: the version is text
greenroom.no_such_name  # error
