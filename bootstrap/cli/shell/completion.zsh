_bootstrap() {
    local -a found
    found=(${(f)"$(_bootstrap_words "${(@)words[2,CURRENT-1]}")"})
    if (( $#found )); then compadd -a found; else _files; fi
}
compdef _bootstrap bootstrap
