export interface PlainError {
  readonly code: string
  readonly message: string
  readonly stack: string
}

/** Errors lose their fields on the way through a thread's port; plain objects keep them. */
export function plainError(error: unknown, defaultCode: string): PlainError {
  const { code, message, stack } = error as { code?: unknown; message?: unknown; stack?: unknown }
  return {
    code: typeof code === 'string' ? code : defaultCode,
    message: String(message ?? error),
    stack: String(stack ?? ''),
  }
}
