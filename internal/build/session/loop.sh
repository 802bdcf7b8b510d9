# Runs each command whose number it reads, in this very shell. Commands may
# redirect the output, trace, or set options, none of which may touch what stands
# between them: descriptor 7 is the output that we began with.
exec 7>&1
if [ -e @FOLDER@/environment ]; then
	. @FOLDER@/environment
	IFS= read -r drawbridge_next <@FOLDER@/directory
	cd "$drawbridge_next" 2>/dev/null
fi
while { IFS= read -r drawbridge_next || { : >|@FOLDER@/end; exit 0; }; } 2>/dev/null; do
	. @FOLDER@/"$drawbridge_next".sh </dev/null
	{
		drawbridge_status=$?
		export -p >|@FOLDER@/environment || :
		pwd >|@FOLDER@/directory || :
		printf '\0%s %s %s\0' @NONCE@ "$drawbridge_next" "$drawbridge_status" >&7 || exit 1
	} 2>/dev/null
done
