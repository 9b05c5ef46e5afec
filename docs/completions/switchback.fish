# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_switchback_global_optspecs
    string join \n state= root= json h/help V/version
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
complete -c switchback -n "__fish_switchback_needs_command" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_needs_command" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_needs_command" -s V -l version -d 'Print version'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "run" -d 'Take a machine through a plan, phase by phase'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "resume" -d 'Take up an interrupted or paused run where it stood'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "rollback" -d 'Go back to a recorded generation. Needs no plan, no network and no database'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "resolve" -d 'Say that a failed way back was put right by hand, or let a held plan go on'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "confirm" -d 'Say at any login that a change is to stay'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "guard" -d 'Guard phases over reboots, or look at what guards one now'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "rescue" -d 'The way home itself: whether it is whole, a copy of it elsewhere, and a rehearsal'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "status" -d 'Where we are: the phase that is due, what is waiting for whom'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "attach" -d 'Follow a run that goes on by itself, from its first fact on'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "wait" -d 'Wait for the end of a run, and end with its exit status; with 75 where it goes on still'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "history" -d 'What was run on this machine, newest first'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "show" -d 'One generation: what changed, every result, the evidence'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "export" -d 'Put all that explains one generation into one file, to be attached to a report'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "lint" -d 'Check a plan for errors and unwise places. Changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "explain" -d 'Say what a plan will do, with every command as it will be executed. Changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "rehearse" -d 'Say every way in which a plan can end, before it is run. Changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "validate" -d 'Run the validation checks and touch nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "schedule" -d 'Set up a timer that validates while a phase soaks'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "trend" -d 'Draw what a check found over time'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "checks" -d 'List the named checks that a plan may use, or explain one'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "baseline" -d 'Keep what the checks see now, to compare with later'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "probe" -d 'Read one value from the machine, as checks do. Judges nothing, changes nothing'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "schema" -d 'Print the JSON Schema of plans, for editors'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "tour" -d 'See a rollout that reverts, in a playground of its own'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "generate" -d 'Write shell completions, man pages and reference pages'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "hands" -d 'A built-in act in a process with another user\'s ids; the act comes on standard input'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "eyes" -d 'A probe in a process of its own; it is given as JSON, and what it saw is said as JSON'
complete -c switchback -n "__fish_switchback_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l phase -d 'Take only this phase, even if it was taken before' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l from -d 'Begin with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l until -d 'End with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l run-id -d 'Name this run. A second start under this name does nothing, and says where the first one is' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l handed-over -d 'How this process was started, to carry a run: `session`, or the unit that it is in' -r
complete -c switchback -n "__fish_switchback_using_subcommand run" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand run" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand run" -l unattended -d 'Ask nothing; the plan\'s `on` decides, and the exit status says how it ended'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l dry-run -d 'Show what would be done and do nothing'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l override -d 'Take a revision that was rejected on this machine all the same'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l no-guard -d 'Put nothing behind the runner: should it be killed, nothing goes back before somebody says so'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l detach -d 'Hand the run over to the service manager, or to a session of its own, and return at once'
complete -c switchback -n "__fish_switchback_using_subcommand run" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l handed-over -d 'How this process was started, to carry a run: `session`, or the unit that it is in' -r
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l unattended -d 'Ask nothing; the plan\'s `on` decides'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l no-guard -d 'Put nothing behind the runner'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l detach -d 'Hand the run over to the service manager, or to a session of its own, and return at once'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l to -d 'Where to: a generation\'s number, a phase\'s name (the state before it), or `start` (before the plan\'s first phase) [default: the state before the current phase]' -r
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -s y -l yes -d 'Do not ask'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l activate -d 'With `--root`: run the programs of that machine too, with DIR as their root'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l list -d 'List the generations that one can go back to'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l no-guard -d 'Put nothing behind the runner'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l reason -d 'What was done, for whoever reads the history' -r
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -s y -l yes -d 'Do not ask'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -l generation -d 'The generation that is meant [default: the current one]; another one is a mistake' -r
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -l revert -d 'It is to go back, now'
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand confirm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "install" -d 'Set up the unit that acts after a reboot: it takes back what nobody decided, and goes on with what asked for the reboot'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "status" -d 'What acts after a reboot, and what guards the phase that is open now'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "stand" -d 'Watch a runner from outside; it starts this itself'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "fire" -d 'Take over from a runner whose time has passed; a timer starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "boot" -d 'After a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "continue" -d 'Goes on with the phase that asked for a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and not __fish_seen_subcommand_from install remove status stand fire boot continue help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -l dry-run -d 'Show what would be set up, and set nothing up'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -l force -d 'In place of what somebody changed, or put there'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from remove" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from remove" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from remove" -l force -d 'Also what somebody changed since'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from remove" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from status" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from status" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from status" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l generation -d 'The generation' -r
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l runner -d 'The runner: `PID:STARTED`' -r
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l until -d 'The deadline in milliseconds since the machine was started' -r
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from stand" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -l generation -d 'The generation' -r
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -l runner -d 'The runner: `PID:STARTED`' -r
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from fire" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from boot" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from boot" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from boot" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from boot" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from continue" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from continue" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from continue" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from continue" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "install" -d 'Set up the unit that acts after a reboot: it takes back what nobody decided, and goes on with what asked for the reboot'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "status" -d 'What acts after a reboot, and what guards the phase that is open now'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "stand" -d 'Watch a runner from outside; it starts this itself'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "fire" -d 'Take over from a runner whose time has passed; a timer starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "boot" -d 'After a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "continue" -d 'Goes on with the phase that asked for a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -f -a "status" -d 'Every generation: whether its capsule is there, what it holds, when its way home was rehearsed'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -f -a "verify" -d 'Read everything that a way home needs, and compare it with what was recorded'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -f -a "export" -d 'Copy a capsule, verified, to another folder, from which `rollback --state DIR` works'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -f -a "drill" -d 'Rehearse the way home in a throw-away copy of this machine. Nothing of the machine changes'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and not __fish_seen_subcommand_from status verify export drill help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from status" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from status" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from status" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from verify" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from verify" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from verify" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from export" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from export" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from export" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from drill" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from drill" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from drill" -l activate -d 'Run the programs too, in the copy'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from drill" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from help" -f -a "status" -d 'Every generation: whether its capsule is there, what it holds, when its way home was rehearsed'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read everything that a way home needs, and compare it with what was recorded'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from help" -f -a "export" -d 'Copy a capsule, verified, to another folder, from which `rollback --state DIR` works'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from help" -f -a "drill" -d 'Rehearse the way home in a throw-away copy of this machine. Nothing of the machine changes'
complete -c switchback -n "__fish_switchback_using_subcommand rescue; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand status" -l run-id -d 'Only that run: its place and, as the exit status, how it ended; 75 while it goes on' -r
complete -c switchback -n "__fish_switchback_using_subcommand status" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand status" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand status" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand status" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand attach" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand attach" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand attach" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand wait" -l timeout -d 'Wait no longer than this, such as `90s`, `10m`, `2h` [default: for ever]' -r
complete -c switchback -n "__fish_switchback_using_subcommand wait" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand wait" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand wait" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand wait" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -s n -l limit -d 'The newest so many' -r
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -l rebuild -d 'Read every capsule again and rebuild the index'
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -f -a "prune" -d 'Give up old generations, for the room that they take. Nobody can go back past them any more'
complete -c switchback -n "__fish_switchback_using_subcommand history; and not __fish_seen_subcommand_from prune help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -l keep -d 'Keep the newest so many, whatever they are' -r
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Do not ask'
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Give up old generations, for the room that they take. Nobody can go back past them any more'
complete -c switchback -n "__fish_switchback_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand show" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand show" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand show" -l evidence -d 'Print what the steps and probes printed, and what was kept of the machine'
complete -c switchback -n "__fish_switchback_using_subcommand show" -l all -d 'Print all that changed, however much it is; without it, the first hundred things'
complete -c switchback -n "__fish_switchback_using_subcommand show" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand show" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand export" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand export" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand export" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand lint" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand lint" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand explain" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand explain" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l user -d 'For whom root acts: who `as: user`, `as: session` and `${user}` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l phase -d 'Only this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l from -d 'Begin with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l until -d 'End with this phase' -r
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l sandbox -d 'Take the steps for real in a throw-away copy of the machine, and list what the way back leaves. Needs root'
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l network -d 'Let the sandbox have the machine\'s network; without it, it has none'
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand rehearse" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l user -d 'For whom root looks: who `as: user` and `as: session` are [default: who called sudo, doas or pkexec]' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l phase -d 'Only the checks of this phase; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l tag -d 'Only checks with this tag; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l baseline -d 'Compare with this baseline [default: the newest pinned one, else what was recorded before each phase]' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l report -d 'A report, to a file or to standard output; may be repeated: human, json, jsonl, junit, tap, nagios, prometheus. `nagios` on standard output ends with a plugin\'s status, 0 to 3' -r
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l since-baseline -d 'Look at what happened since the baseline, not at the time before'
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l scheduled -d 'As the timer of `switchback schedule` does it: judge what soaks, tell who is to be told of a change, and take the phase back where its `on` says so. Reports go to files'
complete -c switchback -n "__fish_switchback_using_subcommand validate" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -f -a "install" -d 'Set up a systemd timer, for the system manager as root and for one\'s own manager otherwise'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -f -a "status" -d 'What is installed, whether it is as it would be installed now, and when it runs'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and not __fish_seen_subcommand_from install remove status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l every -d 'The time between two validations [default: the shortest `soak.every` of the plan that was run last, else 1h]' -r
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l on-calendar -d 'When, as systemd writes it: `Mon..Fri 03:00`' -r
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l tag -d 'Only checks with this tag; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l report -d 'A report that each validation writes into a file; may be repeated: human, json, jsonl, junit, tap, nagios, prometheus' -r
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l notify -d 'A command that is told of a change of verdict, as JSON on its standard input; it takes the rest of the line. No shell reads it' -r
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l user -d 'One\'s own service manager [default: unless root]'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l always -d 'Judge what is committed also where nothing soaks; nothing is taken back then'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l no-desktop -d 'No notification on the desktop'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l dry-run -d 'Show what would be set up, and set nothing up'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l force -d 'In place of what somebody changed, or put there'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from remove" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from remove" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from remove" -l force -d 'Also what somebody changed since'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from remove" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from status" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from status" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from status" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from help" -f -a "install" -d 'Set up a systemd timer, for the system manager as root and for one\'s own manager otherwise'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from help" -f -a "status" -d 'What is installed, whether it is as it would be installed now, and when it runs'
complete -c switchback -n "__fish_switchback_using_subcommand schedule; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l field -d 'Which number; `--field ?` names them [default: the first that a rule of the check is about]' -r
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l since -d 'From when on: `2d` (so long ago), `2026-11-20`, `2026-11-20T08:00:00Z`' -r
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l plan -d 'Of this plan [default: that of the newest result]' -r
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l phase -d 'Of this phase [default: that of the newest result]' -r
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand trend" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand trend" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -l library -d 'A library of your own, beside those that ship; may be repeated' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -f -a "list" -d 'List them, by library'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -f -a "show" -d 'Explain one: what it tells, its parameters, what it looks at'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and not __fish_seen_subcommand_from list show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from list" -l library -d 'A library of your own, beside those that ship; may be repeated' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from list" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from list" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from list" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from show" -l library -d 'A library of your own, beside those that ship; may be repeated' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from show" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from show" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from show" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them, by library'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from help" -f -a "show" -d 'Explain one: what it tells, its parameters, what it looks at'
complete -c switchback -n "__fish_switchback_using_subcommand checks; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -f -a "record" -d 'Look at the checks of a plan now, and keep what they saw'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -f -a "show" -d 'List the baselines, or show one'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -f -a "pin" -d 'Keep a baseline until it is unpinned, and compare with it where no other is named'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -f -a "compare" -d 'Say what differs now, field by field. Judges nothing'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and not __fish_seen_subcommand_from record show pin compare help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l phase -d 'Only this phase; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l name -d 'Its name [default: the time]' -r
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l pin -d 'Keep it until it is unpinned, and compare with it where no other is named'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l replace -d 'In place of the one of that name'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from record" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from show" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from show" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from show" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from pin" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from pin" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from pin" -l off -d 'Unpin it'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from pin" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from pin" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -l name -d 'With which one [default: the newest pinned one]' -r
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -l set -d 'Set a variable of the plan; may be repeated' -r
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from compare" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from help" -f -a "record" -d 'Look at the checks of a plan now, and keep what they saw'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from help" -f -a "show" -d 'List the baselines, or show one'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from help" -f -a "pin" -d 'Keep a baseline until it is unpinned, and compare with it where no other is named'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from help" -f -a "compare" -d 'Say what differs now, field by field. Judges nothing'
complete -c switchback -n "__fish_switchback_using_subcommand baseline; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l from -d 'Read what the tool printed from a file, `-` for standard input, and start nothing' -r
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l as -d 'As whom the tool runs' -r -f -a "root\t'As root'
user\t'As the invoking user'
session\t'As the invoking user, in the desktop session'"
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l timeout -d 'When the tool is killed [default: 30s]' -r
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand probe" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand schema" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schema" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand schema" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l folder -d 'The playground [default: a new folder below the temporary folder]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l unattended -d 'Ask nothing, even on a terminal'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand tour" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l check -d 'Write nothing; fail where a file differs from what would be written'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand generate" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand hands" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand hands" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand hands" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand hands" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand eyes" -l state -d 'The state folder [default: /var/lib/switchback for root, $XDG_STATE_HOME/switchback for a user; env: SWITCHBACK_STATE]' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand eyes" -l root -d 'The machine that is mounted at this folder, from a live system: for `rollback`, `status`, `history`, `show` and `rescue`. Its state folder is looked for below it' -r -F
complete -c switchback -n "__fish_switchback_using_subcommand eyes" -l json -d 'Speak JSON: one document, or one line per fact for `run`, `resume` and `rollback`'
complete -c switchback -n "__fish_switchback_using_subcommand eyes" -s h -l help -d 'Print help'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "run" -d 'Take a machine through a plan, phase by phase'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "resume" -d 'Take up an interrupted or paused run where it stood'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "rollback" -d 'Go back to a recorded generation. Needs no plan, no network and no database'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "resolve" -d 'Say that a failed way back was put right by hand, or let a held plan go on'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "confirm" -d 'Say at any login that a change is to stay'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "guard" -d 'Guard phases over reboots, or look at what guards one now'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "rescue" -d 'The way home itself: whether it is whole, a copy of it elsewhere, and a rehearsal'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "status" -d 'Where we are: the phase that is due, what is waiting for whom'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "attach" -d 'Follow a run that goes on by itself, from its first fact on'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "wait" -d 'Wait for the end of a run, and end with its exit status; with 75 where it goes on still'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "history" -d 'What was run on this machine, newest first'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "show" -d 'One generation: what changed, every result, the evidence'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "export" -d 'Put all that explains one generation into one file, to be attached to a report'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "lint" -d 'Check a plan for errors and unwise places. Changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "explain" -d 'Say what a plan will do, with every command as it will be executed. Changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "rehearse" -d 'Say every way in which a plan can end, before it is run. Changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "validate" -d 'Run the validation checks and touch nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "schedule" -d 'Set up a timer that validates while a phase soaks'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "trend" -d 'Draw what a check found over time'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "checks" -d 'List the named checks that a plan may use, or explain one'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "baseline" -d 'Keep what the checks see now, to compare with later'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "probe" -d 'Read one value from the machine, as checks do. Judges nothing, changes nothing'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "schema" -d 'Print the JSON Schema of plans, for editors'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "tour" -d 'See a rollout that reverts, in a playground of its own'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "generate" -d 'Write shell completions, man pages and reference pages'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "hands" -d 'A built-in act in a process with another user\'s ids; the act comes on standard input'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "eyes" -d 'A probe in a process of its own; it is given as JSON, and what it saw is said as JSON'
complete -c switchback -n "__fish_switchback_using_subcommand help; and not __fish_seen_subcommand_from run resume rollback resolve confirm guard rescue status attach wait history show export lint explain rehearse validate schedule trend checks baseline probe schema tour generate hands eyes help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "install" -d 'Set up the unit that acts after a reboot: it takes back what nobody decided, and goes on with what asked for the reboot'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "status" -d 'What acts after a reboot, and what guards the phase that is open now'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "stand" -d 'Watch a runner from outside; it starts this itself'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "fire" -d 'Take over from a runner whose time has passed; a timer starts this'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "boot" -d 'After a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "continue" -d 'Goes on with the phase that asked for a reboot; the boot unit starts this'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from rescue" -f -a "status" -d 'Every generation: whether its capsule is there, what it holds, when its way home was rehearsed'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from rescue" -f -a "verify" -d 'Read everything that a way home needs, and compare it with what was recorded'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from rescue" -f -a "export" -d 'Copy a capsule, verified, to another folder, from which `rollback --state DIR` works'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from rescue" -f -a "drill" -d 'Rehearse the way home in a throw-away copy of this machine. Nothing of the machine changes'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "prune" -d 'Give up old generations, for the room that they take. Nobody can go back past them any more'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from schedule" -f -a "install" -d 'Set up a systemd timer, for the system manager as root and for one\'s own manager otherwise'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from schedule" -f -a "remove" -d 'Take away exactly what was installed'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from schedule" -f -a "status" -d 'What is installed, whether it is as it would be installed now, and when it runs'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from checks" -f -a "list" -d 'List them, by library'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from checks" -f -a "show" -d 'Explain one: what it tells, its parameters, what it looks at'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from baseline" -f -a "record" -d 'Look at the checks of a plan now, and keep what they saw'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from baseline" -f -a "show" -d 'List the baselines, or show one'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from baseline" -f -a "pin" -d 'Keep a baseline until it is unpinned, and compare with it where no other is named'
complete -c switchback -n "__fish_switchback_using_subcommand help; and __fish_seen_subcommand_from baseline" -f -a "compare" -d 'Say what differs now, field by field. Judges nothing'
