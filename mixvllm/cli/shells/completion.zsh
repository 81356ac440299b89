#compdef mixvllm
# Completion of mixvllm for zsh. In ~/.zshrc, after compinit: eval "$(mixvllm completion zsh)"

_mixvllm() {
    local line word
    local -a lines closed closed_shown open open_shown
    lines=("${(@f)$(${words[1]} completion --words zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    case $lines[1] in
        profiles) _files -g '*.(yaml|yml)' && return ;;
        files) _files && return ;;
    esac
    for line in "${(@)lines[2,-1]}"; do
        word=${line%%$'\t'*}
        [[ $line == *$'\t'* ]] && line="$word -- ${line#*$'\t'}"
        # A key wants its value, a section its key: no blank after them.
        if [[ $word == *[=.] ]]; then
            open+=("$word") open_shown+=("$line")
        else
            closed+=("$word") closed_shown+=("$line")
        fi
    done
    (( $#open )) && compadd -S '' -l -d open_shown -a open
    (( $#closed )) && compadd -l -d closed_shown -a closed
    (( $#open + $#closed ))
}

if [[ $funcstack[1] == _mixvllm ]]; then
    _mixvllm "$@"
else
    compdef _mixvllm mixvllm
fi
