# vaccine.bash - completion for bash. What may stand where is asked of the program, so that it knows all that
# --help knows; names on the disk are found here.

# Folders that hold a run, or runs; all folders where there is none.
_vaccine_runs()
{
    local dir any=
    while IFS= read -r dir; do
        if [[ -e $dir/run.json ]] || compgen -G "$dir/*/run.json" >/dev/null; then
            printf '%s\n' "$dir"
            any=1
        fi
    done < <(compgen -d -- "$1")
    [[ $any ]] || compgen -d -- "$1"
}

# Run files, and folders on the way to them.
_vaccine_json()
{
    local name
    while IFS= read -r name; do
        if [[ -d $name || $name == *.json ]]; then
            printf '%s\n' "$name"
        fi
    done < <(compgen -f -- "$1")
}

_vaccine()
{
    # Never the program that the line names: pressing Tab must not run what lies in a folder.
    local program words=() word glue='' i lead after line names=''

    program=$(type -P vaccine) || return 0
    # bash breaks words at "=": they are put together again for the program.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 1 && $word && ($glue || $word == =*) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        glue=
        [[ $word != *= ]] || glue=1
    done
    word=${words[${#words[@]} - 1]}
    after=${word##*=}
    lead=${word%"$after"}

    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :*) names+=" ${line#:}" ;;
        *) COMPREPLY+=("$line") ;;
        esac
    done < <("$program" candidates -- "${words[@]}" 2>/dev/null)
    for i in $names; do
        while IFS= read -r line; do
            COMPREPLY+=("$lead$line")
        done < <(
            case $i in
            json) _vaccine_json "$after" ;;
            runs) _vaccine_runs "$after" ;;
            dirs) compgen -d -- "$after" ;;
            files) compgen -f -- "$after" ;;
            esac
        )
    done
    # Only what stands behind the "=" is replaced.
    if [[ $lead && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"$lead"}")
    fi
    if [[ $names ]]; then
        compopt -o filenames 2>/dev/null
    elif [[ ${COMPREPLY[0]-} == *[=.] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

complete -F _vaccine vaccine
