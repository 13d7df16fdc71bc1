/** The exit status of a program that ended by Ctrl-C. */
const INTERRUPTED_STATUS = 130

/**
 * Ctrl-C ends what waits on `signal`, so that the way out is the one of every other end: stop the nodes, remove the
 * files. A second one does not wait for that.
 */
export function interruptible(): AbortSignal {
  const controller = new AbortController()
  const onSignal = () => {
    // Not process.exit(): it waits for threads that may sit in a commit. Child processes end when this one is gone.
    if (controller.signal.aborted) process.kill(process.pid, 'SIGKILL')
    controller.abort(new Error('interrupted'))
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return controller.signal
}

/** Runs a program whose answer is whether all was well, and turns its end into the exit status. */
export async function runProgram(main: () => Promise<boolean>): Promise<void> {
  try {
    process.exitCode = (await main()) ? 0 : 1
  } catch (error) {
    const interrupted = (error as { name?: unknown }).name === 'AbortError'
    if (!interrupted) console.error(error)
    process.exitCode = interrupted ? INTERRUPTED_STATUS : 1
  }
}
