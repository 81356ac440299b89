# Completion of mixvllm for bash. In ~/.bashrc: eval "$(mixvllm completion bash)"

_mixvllm_files() { # files that match a pattern, and folders
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(
        compgen -f -X "!*.yaml" -- "$1"
        compgen -f -X "!*.yml" -- "$1"
        compgen -d -- "$1"
    )
}

_mixvllm() {
    local current=$2 line kind shell=bash
    local -a lines
    [[ $COMP_WORDBREAKS == *=* ]] || shell=plain # then a word is one word, `=` or not
    mapfile -t lines < <(
        "$1" completion --words "$shell" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
    )
    COMPREPLY=()
    kind=${lines[0]-}
    case $kind in
        profiles) _mixvllm_files "$current" ;;
        files) compopt -o default 2>/dev/null ;;
        *)
            for line in "${lines[@]:1}"; do
                COMPREPLY+=("${line%%$'\t'*}")
            done
            # A key wants its value, a section its key: no blank after them.
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace 2>/dev/null
            ;;
    esac
    return 0
}

complete -F _mixvllm mixvllm
