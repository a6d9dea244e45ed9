// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Three capital letters: an ISO 4217 code. Whether there is such a currency, only the signers know.
type Currency is bytes3;

using {currencyEqual as ==, currencyUnequal as !=} for Currency global;

/// @notice What should be a currency is not three capital letters.
/// @param currency What was given.
error Currency_NotThreeLetters(string currency);

function currencyEqual(Currency a, Currency b) pure returns (bool) {
    return Currency.unwrap(a) == Currency.unwrap(b);
}

function currencyUnequal(Currency a, Currency b) pure returns (bool) {
    return Currency.unwrap(a) != Currency.unwrap(b);
}

/// @title Currencies from the text of a document
library Currencies {
    uint256 private constant LETTERS = 3;

    /// @notice The currency that a text names; refuses all but three capital letters.
    function parse(string calldata text) internal pure returns (Currency) {
        bytes calldata letters = bytes(text);
        require(letters.length == LETTERS, Currency_NotThreeLetters(text));
        for (uint256 i = 0; i < LETTERS; ++i) {
            require(letters[i] >= "A" && letters[i] <= "Z", Currency_NotThreeLetters(text));
        }
        return Currency.wrap(bytes3(letters));
    }
}
