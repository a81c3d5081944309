interface Reaction {
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

const reactions = new WeakMap<Promise<unknown>, Set<Reaction>>();

/**
 * Follows a promise that may stay open for as long as a container runs, and gives back how to leave. A promise keeps
 * each of its own reactions, and what they hold, until it settles; here those who left are forgotten at once.
 */
export function whilePending<T>(
  promise: Promise<T>,
  resolve: (value: T) => void,
  reject: (reason: unknown) => void,
): () => void {
  const followers = reactions.get(promise) ?? follow(promise);
  const reaction: Reaction = { resolve, reject };
  followers.add(reaction);
  return () => followers.delete(reaction);
}

function follow<T>(promise: Promise<T>): Set<Reaction> {
  const followers = new Set<Reaction>();
  reactions.set(promise, followers);
  promise.then(
    (value) => {
      for (const { resolve } of followers) resolve(value as never);
      followers.clear();
      reactions.delete(promise);
    },
    (reason: unknown) => {
      for (const { reject } of followers) reject(reason);
      followers.clear();
      reactions.delete(promise);
    },
  );
  return followers;
}
