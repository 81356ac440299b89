# Completion of mixvllm for fish. mixvllm completion fish > ~/.config/fish/completions/mixvllm.fish

function __mixvllm_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($typed[1] completion --words fish $typed[2..-1] "$current" 2>/dev/null)
    switch "$lines[1]"
        case profiles
            __fish_complete_suffix .yaml
            __fish_complete_suffix .yml
        case files
            __fish_complete_path "$current"
        case words
            printf '%s\n' $lines[2..-1]
    end
end

complete --command mixvllm --no-files --arguments '(__mixvllm_complete)'
