# Keeps a shell running until there are no more commands. A shell that ends
# earlier was ended by the command that it ran, whose status it has.
while [ ! -e @FOLDER@/end ]; do
	@SHELL@ @FOLDER@/loop.sh
	printf '\0%s end %s\0' @NONCE@ "$?"
done
