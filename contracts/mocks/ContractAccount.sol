// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A cloud's account that is a contract, for tests
/// @notice Its owner's key signs for it and sends through it. It can be told to misbehave while it judges a signature.
contract ContractAccount is IERC1271 {
    /// @notice What it does when it is asked for a signature.
    enum Mood {
        Honest,
        Refusing,
        Reverting,
        BurningGas,
        Shouting,
        CallingBack,
        Gullible,
        Short,
        Dirty
    }

    address private immutable OWNER;

    Mood private _mood;
    address private _target;
    bytes private _callback;

    /// @param owner The key that speaks for it.
    constructor(address owner) {
        OWNER = owner;
    }

    /// @notice Sets what it does when it is asked for a signature.
    /// @param mood What it does.
    /// @param target Whom it calls, if it calls back.
    /// @param callback With which data.
    function setMood(Mood mood, address target, bytes calldata callback) external {
        _mood = mood;
        _target = target;
        _callback = callback;
    }

    /// @notice Sends a call as this account.
    /// @param target Whom.
    /// @param data Call data.
    function execute(address target, bytes calldata data) external {
        require(msg.sender == OWNER, "not the owner");
        _call(target, data);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (_mood == Mood.Refusing) return 0xffffffff;
        if (_mood == Mood.Gullible) return IERC1271.isValidSignature.selector;
        if (_mood == Mood.Short) _answer(IERC1271.isValidSignature.selector, 31);
        if (_mood == Mood.Dirty) _answer(bytes32(IERC1271.isValidSignature.selector) | bytes32(uint256(1)), 32);
        require(_mood != Mood.Reverting, "no");
        if (_mood == Mood.BurningGas) {
            uint256 turns;
            while (gasleft() > 0) ++turns;
        }
        if (_mood == Mood.Shouting) {
            // More data than anybody should have to copy.
            assembly ("memory-safe") {
                return(0, 20000)
            }
        }
        if (_mood == Mood.CallingBack) {
            // Whatever comes of it: the signature is good all the same.
            (bool ok, ) = _target.staticcall(_callback);
            if (!ok) return IERC1271.isValidSignature.selector;
            return 0xffffffff;
        }
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return signer == OWNER ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    function _answer(bytes32 word, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(0, word)
            return(0, length)
        }
    }

    function _call(address target, bytes memory data) private {
        (bool ok, bytes memory answer) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
