_bootstrap() {
    local before=("${COMP_WORDS[@]:1:COMP_CWORD-1}") current=${COMP_WORDS[COMP_CWORD]}
    [ "$current" = = ] && current='' # --wait=api is three words here
    mapfile -t COMPREPLY < <(compgen -W "$(_bootstrap_words "${before[@]}")" -- "$current")
}
complete -o default -F _bootstrap bootstrap
