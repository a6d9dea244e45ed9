import { asRevert } from "../errors/revert.js";

/**
 * The answer of a contract's view.
 * @throws RevertError if the contract refuses to answer.
 */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    throw asRevert(thrown);
  }
}
