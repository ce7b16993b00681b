/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | null> | T | null, atMost = 90_000): Promise<T> {
  const deadline = Date.now() + atMost
  while (Date.now() < deadline) {
    const answer = await ask()
    if (answer !== null) return answer
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`waited ${atMost / 1000} s for ${what}`)
}
