# SPDX-License-Identifier: MIT
#
# Completion of pb for fish. The commands, the options and the kinds of their arguments are
# taken from the program's own --help.

function __pb_commands
    command pb --help | string replace -rf '^  ([a-z]+)  +(.*)' '$1\t$2'
end

function __pb_words
    set -l words (commandline -opc)
    set -e words[1]
    test (count $words) -gt 0
    and printf '%s\n' $words
end

function __pb_has_command
    set -l words (__pb_words)
    test (count $words) -gt 0
end

# The long options of the command, and what they do.
function __pb_options
    set -l words (__pb_words)
    command pb $words[1] --help 2>/dev/null |
        string replace -rf '^ +(?:-., )?(--[a-z0-9-]+)(?:\[=[A-Z]+\])?(?: [A-Z:]+)? +(.*)' '$1\t$2'
end

# The kind of argument that the word before the cursor takes: FILE, ENDPOINT, ...
function __pb_argument
    set -l words (__pb_words)
    set -l last $words[-1]
    string match -q -- '--*' $last
    and command pb $words[1] --help 2>/dev/null |
        string replace -rf "^ +(?:-., )?$last ([A-Z:]+) .*" '$1'
end

function __pb_endpoints
    set -l folder ~/.config
    set -q XDG_CONFIG_HOME
    and set folder $XDG_CONFIG_HOME
    string replace -rf '^\s*\[([^\]]*)\].*' '$1' <$folder/pb/endpoints.ini 2>/dev/null
    printf '%s\n' ssl: tcp: tls: unix:
end

function __pb_wants_endpoint
    set -l kind (__pb_argument)
    set -l words (__pb_words)
    test "$kind" = ENDPOINT
    or begin
        test -z "$kind"
        and test (count $words) -eq 1
        and contains -- $words[1] call serve shell
    end
end

function __pb_wants_file
    set -l kind (__pb_argument)
    set -l words (__pb_words)
    test "$kind" = FILE
    or begin
        test -z "$kind"
        and contains -- "$words[1]" dump jelly record replay unjelly
    end
end

complete -c pb -f
complete -c pb -n 'not __pb_has_command' -a '(__pb_commands)'
complete -c pb -n 'not __pb_has_command' -a help -d 'the options of a command'
complete -c pb -n 'not __pb_has_command' -l help -l version
complete -c pb -n '__pb_has_command; and test (__pb_words)[1] = help' -a '(__pb_commands)'
complete -c pb -n '__pb_has_command; and string match -q -- "-*" (commandline -ct)' -a '(__pb_options)'
complete -c pb -n '__pb_has_command; and test (__pb_words)[1] = bench; and test (count (__pb_words)) -eq 1' -a 'call codec'
complete -c pb -n '__pb_has_command; and __pb_wants_endpoint' -a '(__pb_endpoints)'
complete -c pb -n '__pb_has_command; and __pb_wants_file' -F
