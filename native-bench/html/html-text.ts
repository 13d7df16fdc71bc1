const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Text as it may stand between tags and in attributes. */
export const htmlText = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!)

/** A value for a script element: it must hold nothing that ends the element. */
export const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c')
