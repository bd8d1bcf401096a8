complete --command bootstrap --no-files --arguments '(__bootstrap_words (commandline -opc)[2..])'
