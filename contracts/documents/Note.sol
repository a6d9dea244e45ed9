// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {VmId} from "../types/VmId.sol";

/// @notice A line of the books on which two clouds agree: a correction, a replacement of what a stay was charged, or a part
/// of a netting.
/// @dev EIP-712 type `Note`. Signed by: the accounts of creditor and debtor.
/// @param refersTo The line it corrects, zero for none.
/// @param creditor Cloud to which `amount` is owed more from now on.
/// @param debtor Cloud that owes it.
/// @param currency ISO 4217 code.
/// @param amount More than zero, in 1e-9 currency units.
/// @param vm VM of the stay whose charge is replaced, zero for none.
/// @param sequence Number of that stay.
/// @param through Up to when its charge is replaced, in milliseconds.
/// @param reason What the parties call it; no contract reads it.
/// @param validUntil Last moment at which it can be brought, in milliseconds.
/// @param salt Random, so that equal notes are two.
struct Note {
    bytes32 refersTo;
    CloudId creditor;
    CloudId debtor;
    string currency;
    uint96 amount;
    VmId vm;
    uint32 sequence;
    uint64 through;
    uint16 reason;
    uint64 validUntil;
    bytes32 salt;
}

using NoteHash for Note global;

/// @title EIP-712 hash of `Note`
library NoteHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Note(bytes32 refersTo,uint32 creditor,uint32 debtor,string currency,uint96 amount,bytes32 vm,"
        "uint32 sequence,uint64 through,uint16 reason,uint64 validUntil,bytes32 salt)"
    );

    /// @notice EIP-712 struct hash: the document's id.
    function structHash(Note calldata note) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    TYPEHASH,
                    note.refersTo,
                    note.creditor,
                    note.debtor,
                    keccak256(bytes(note.currency)),
                    note.amount,
                    note.vm,
                    note.sequence,
                    note.through,
                    note.reason,
                    note.validUntil,
                    note.salt
                )
            );
    }
}
