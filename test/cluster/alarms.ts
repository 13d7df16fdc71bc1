const ERROR_LEVEL = 50

export interface LoggedAlarm {
  readonly nodeId: number
  readonly code: string
  readonly message: string
}

/** The alarm in a line of a node's log; undefined if it holds none. */
export function alarmIn(nodeId: number, line: string): LoggedAlarm | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const { level = 0, code, msg } = JSON.parse(line) as { level?: number; code?: unknown; msg?: unknown }
    return level >= ERROR_LEVEL && typeof code === 'string' ? { nodeId, code, message: String(msg) } : undefined
  } catch {
    // A line that a kill has cut.
    return undefined
  }
}
