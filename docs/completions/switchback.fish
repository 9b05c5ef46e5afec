# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_switchback_global_optspecs
    string join \n state= json h/help V/version
end

function __fish_switchback_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_switchback_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_switchback_using_subcommand
    set -l cmd (__fish_switchback_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c switchback -n "__fish_switchback_needs_command" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_needs_command" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_needs_command" -s V -l version -d 'Print version'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "run" -d 'Take a machine through a plan, phase by phase'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "resume" -d 'Take up an interrupted or paused run where it stood'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "rollback" -d 'Go back to a recorded generation. Needs no plan, no network and no database'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "resolve" -d 'Say that what a way back could not restore was put right by hand'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "status" -d 'Where we are: the phase that is due, what is waiting for whom'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "history" -d 'What was run on this machine, newest first'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "show" -d 'One generation: what changed, every result, the evidence'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "lint" -d 'Check a plan for errors and unwise places. Changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "explain" -d 'Say what a plan will do, with every command as it will be executed. Changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "schema" -d 'Print the JSON Schema of plans, for editors'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "tour" -d 'See a rollout that reverts, in a playground of its own'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "generate" -d 'Write shell completions, man pages and reference pages'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "hands" -d 'A built-in act in a process with another user\'s ids; the act comes on standard input'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l phase -d 'Take only this phase, even if it was taken before' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l from -d 'Begin with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l until -d 'End with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand run" -l unattended -d 'Ask nothing; the plan\'s `on` decides, and the exit status says how it ended'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l dry-run -d 'Show what would be done and do nothing'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l override -d 'Take a revision that was rejected on this machine all the same'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand run" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l unattended -d 'Ask nothing; the plan\'s `on` decides'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l to -d 'Where to: a generation\'s number, a phase\'s name (the state before it), or `start` (before the plan\'s first phase) [default: the state before the current phase]' -r
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -s y -l yes -d 'Do not ask'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l list -d 'List the generations that one can go back to'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l reason -d 'What was done, for whoever reads the history' -r
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -s y -l yes -d 'Do not ask'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand status" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand status" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand status" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand history" -s n -l limit -d 'At most so many, newest first' -r
complete -c switchback -n "__fish_switchback_using_subcommand history" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand history" -l rebuild -d 'Read every capsule again and rebuild the index'
complete -c switchback -n "__fish_switchback_using_subcommand history" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand history" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand show" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand show" -l evidence -d 'Print what the steps and probes printed'
complete -c switchback -n "__fish_switchback_using_subcommand show" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand show" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand lint" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand explain" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand schema" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schema" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l folder -d 'The playground [default: a new folder below the temporary folder]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l unattended -d 'Ask nothing, even on a terminal'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l check -d 'Write nothing; fail where a file differs from what would be written'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand hands" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand hands" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand hands" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "run" -d 'Take a machine through a plan, phase by phase'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "resume" -d 'Take up an interrupted or paused run where it stood'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "rollback" -d 'Go back to a recorded generation. Needs no plan, no network and no database'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "resolve" -d 'Say that what a way back could not restore was put right by hand'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "status" -d 'Where we are: the phase that is due, what is waiting for whom'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "history" -d 'What was run on this machine, newest first'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "show" -d 'One generation: what changed, every result, the evidence'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "lint" -d 'Check a plan for errors and unwise places. Changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "explain" -d 'Say what a plan will do, with every command as it will be executed. Changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "schema" -d 'Print the JSON Schema of plans, for editors'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "tour" -d 'See a rollout that reverts, in a playground of its own'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "generate" -d 'Write shell completions, man pages and reference pages'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "hands" -d 'A built-in act in a process with another user\'s ids; the act comes on standard input'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve status history show lint explain schema tour generate hands help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
