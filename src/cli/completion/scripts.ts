import { COMPLETION_REQUEST } from "../docker-arguments.ts"

/** The shells that `trustkey completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const
export type Shell = (typeof SHELLS)[number]

// Bash breaks words at colons and equal signs, which image names and flags are full of: so the line is taken apart here, and what bash
// thinks stands already is taken off again.
const BASH = `# trustkey's completion for bash. It asks trustkey itself.
_trustkey() {
    local line=\${COMP_LINE:0:COMP_POINT} words current before
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=\${words[-1]}
    before=\${current%"\${current##*[:=]}"}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :0) compopt -o default ;;
            :16) compopt -o dirnames ;;
            :*) ;;
            *)
                line=\${line%%$'\\t'*}
                COMPREPLY+=("\${line#"$before"}")
                ;;
        esac
    done < <("\${words[0]}" ${COMPLETION_REQUEST} "\${words[@]:1}" 2> /dev/null)
}
complete -F _trustkey trustkey
`

// A file found through fpath is the function's body when it is first called; sourced, it has to make itself known.
const ZSH = `#compdef trustkey
# trustkey's completion for zsh. It asks trustkey itself.
_trustkey() {
    local line tab=$'\\t' rest
    local -a candidates
    while IFS= read -r line; do
        case $line in
            :*) rest=$line ;;
            *$tab*) candidates+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}") ;;
            *) candidates+=("\${line//:/\\\\:}") ;;
        esac
    done < <("\${(Q)words[1]}" ${COMPLETION_REQUEST} "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null)
    (( \${#candidates} )) && _describe trustkey candidates
    case $rest in
        :0) compset -P 1 '--[^=]#='; _files ;;
        :16) compset -P 1 '--[^=]#='; _files -/ ;;
    esac
}
if [[ \${funcstack[1]} == _trustkey ]]; then
    _trustkey "$@"
elif (( \${+functions[compdef]} )); then
    compdef _trustkey trustkey
fi
`

const FISH = `# trustkey's completion for fish. It asks trustkey itself.
function __trustkey_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    # What stands before a file in the same word.
    set -l flag (string match -r -- '^--[^=]+=' "$current")
    for line in ($program ${COMPLETION_REQUEST} $words "$current" 2> /dev/null)
        switch $line
            case :0
                for file in (__fish_complete_path (string replace -- "$flag" '' "$current"))
                    printf '%s%s\\n' "$flag" $file
                end
            case :16
                for file in (__fish_complete_directories (string replace -- "$flag" '' "$current") '')
                    printf '%s%s\\n' "$flag" $file
                end
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c trustkey -f -a '(__trustkey_complete)'
`

/** What each shell reads to complete trustkey's commands. All of them ask the program itself, so that one definition serves all. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
