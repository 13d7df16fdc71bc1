let ending: Promise<void> | undefined

/**
 * Resolves when all sockets that are readable now have been read. Whoever waits for it goes on together with all others,
 * and what they propose together travels together: each request is an event of its own, and a thousand of them would
 * otherwise wake the groups' threads a thousand times.
 */
export function endOfTurn(): Promise<void> {
  ending ??= new Promise((resolve) => {
    setImmediate(() => {
      ending = undefined
      resolve()
    })
  })
  return ending
}
